"""The resolvers of mutations, one file each."""
