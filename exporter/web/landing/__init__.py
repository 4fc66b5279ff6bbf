"""The landing page: the state of each ZVM for a person, without a script and without anything from elsewhere."""
