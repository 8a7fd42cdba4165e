"""What happens in every namespace: its deletion with all that is in it (`deletion`), its default ServiceAccount
(`service_accounts`) and the cluster's CA certificate (`root_ca`).
"""
