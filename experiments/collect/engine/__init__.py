"""The Ibis layer of collect: tables, products of columns, packed counts."""
