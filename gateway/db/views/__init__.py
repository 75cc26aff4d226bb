"""Views: derived tables, which statements read as common table expressions."""
