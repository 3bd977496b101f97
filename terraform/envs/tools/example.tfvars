# Copy it to terraform.tfvars, which is not in git, and fill it in.
account_id  = "123456789012"
jenkins_tag = "2.516.3"

operators_email = "operators@dalkom.example"
