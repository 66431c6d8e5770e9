"""What the headers of coded pictures tell, without decoding them."""
