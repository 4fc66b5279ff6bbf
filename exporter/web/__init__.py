"""The HTTP side: the server, who may come in, the pages and the landing page. Knows no ZVM and no field."""
