"""Who may ask the stand-in ZVM: Keycloak's tokens and the session API."""
