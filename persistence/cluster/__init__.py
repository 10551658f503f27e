"""The database on several nodes: a Citus cluster, or one PostgreSQL that could become one."""
