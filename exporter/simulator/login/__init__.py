"""Who may ask the stand-in ZVM: the tokens of Keycloak, the session API, and what each grants and refuses.

Knows no resource and no fault.
"""
