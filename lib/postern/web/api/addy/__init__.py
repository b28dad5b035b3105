"""addy.io's dialect: everything under /api/v1, the key as a bearer token (RFC 6750), uids as ids."""
