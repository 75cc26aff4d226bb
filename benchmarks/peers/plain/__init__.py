"""What a good developer writes in an afternoon: strawberry, SQLAlchemy and stock data loaders."""
