"""Mr. Mentor: the backend of the playbook, small but real, that the control room watches."""
