"""The business rules: pure Python without frameworks, databases or other packages of the project."""
