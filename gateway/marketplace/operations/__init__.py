"""Operations of the mutations on resources and orders."""
