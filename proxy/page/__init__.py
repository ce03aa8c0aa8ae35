"""What an HTML page needs: may it be tagged, where does the tag go, does its policy allow it."""
