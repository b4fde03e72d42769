"""One client request, in to out: admission, policy, joining, answering."""
