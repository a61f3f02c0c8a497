"""The API for agents' desktops: payments begun and ended, and how a call stands."""
