"""What every service of the shop does alike."""
