"""Configuration: the schema, the only YAML reader, credentials files and the dated market rules (as data)."""
