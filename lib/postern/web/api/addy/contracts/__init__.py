"""What addy.io's endpoints take and give (web/api/contract.py); no request but that for the document reads it."""
