"""What is allowed: pure Python that knows no framework, no database and nothing else of ours."""
