"""The database: tables, schema, transactions and the audit log."""
