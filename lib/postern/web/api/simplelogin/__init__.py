"""SimpleLogin's dialect: everything under /api but /api/v1, the key in the header Authentication, small numbers as ids."""
