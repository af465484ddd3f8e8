"""Who may do what now: roles, arming, a second login's approval, revoked tokens."""
