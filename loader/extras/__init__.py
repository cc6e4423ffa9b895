"""What comes with a lead: alternate phones, custom fields, the hopper entry, a callback."""
