"""The JSON API v0, compatible with the Customer Profile API."""
