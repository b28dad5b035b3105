"""The document of the APIs (OpenAPI 3.1), made of the route tables and the contracts that stand beside them."""
