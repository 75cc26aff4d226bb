"""Operations on resources and orders."""
