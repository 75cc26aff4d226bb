"""The plain peer: strawberry, SQLAlchemy and aiodataloader, without optimisations."""
