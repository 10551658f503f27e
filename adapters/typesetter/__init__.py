"""PDFs, typeset by Typst in a process of its own."""
