"""What happens in every namespace: its deletion with all that is in it (`deletion`), its default ServiceAccount
(`service_accounts`), the cluster's CA certificate (`root_ca`) and the secrets that hold tokens (`tokens`).
"""
