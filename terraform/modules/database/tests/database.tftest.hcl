mock_provider "aws" {
  mock_data "aws_region" {
    defaults = {
      name = "ap-northeast-2"
    }
  }
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/mock"
    }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      arn                = "arn:aws:rds:ap-northeast-2:123456789012:db:mock"
      address            = "mock.rds.amazonaws.com"
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:master", kms_key_id = "k", secret_status = "active" }]
    }
  }
}

variables {
  name                      = "dalkom-test"
  vpc_id                    = "vpc-1"
  data_subnet_ids           = ["subnet-a", "subnet-c"]
  client_security_group_ids = { member-api = "sg-member", order-api = "sg-order" }
  instance_class            = "db.m7g.large"
  storage_gb                = 100
  storage_limit_gb          = 500
  backup_retention_days     = 35
  kms_key_arn               = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
  accounts_task = {
    image            = "registry/mysql:8.4"
    image_arn        = "arn:aws:ecr:ap-northeast-2:123456789012:repository/mysql"
    log_group        = "/dalkom-test/tasks"
    log_group_arn    = "arn:aws:logs:ap-northeast-2:123456789012:log-group:tasks"
    authorities      = "arn:aws:secretsmanager:ap-northeast-2:123456789012:secret:authorities"
    password_secrets = { member = "arn:m", store = "arn:s", orders = "arn:o", batch = "arn:b" }
    cpu_architecture = "X86_64"
  }
}

run "private_and_encrypted" {
  assert {
    condition     = !aws_db_instance.this.publicly_accessible
    error_message = "The database has no public address."
  }
  assert {
    condition     = aws_db_instance.this.storage_encrypted && aws_db_instance.this.kms_key_id == var.kms_key_arn && aws_db_instance.this.performance_insights_kms_key_id == var.kms_key_arn
    error_message = "Data and insights are encrypted by the environment's key."
  }
  assert {
    condition     = contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], "require_secure_transport=1")
    error_message = "Nobody connects in clear text."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.from_client : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null && rule.prefix_list_id == null && rule.from_port == 3306 && rule.to_port == 3306])
    error_message = "The database hears groups, never addresses."
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.from_client : rule.referenced_security_group_id]) == toset(["sg-member", "sg-order", aws_security_group.accounts_task.id])
    error_message = "The database hears the services with a schema and the task that makes accounts."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.database : group.kms_key_id == var.kms_key_arn])
    error_message = "The database's logs are encrypted."
  }
}

run "it_survives" {
  assert {
    condition     = aws_db_instance.this.multi_az && aws_db_instance.this.backup_retention_period >= 7 && aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    error_message = "A second instance, backups, protection, a last snapshot."
  }
  assert {
    condition     = aws_db_instance.this.storage_type == "gp3" && aws_db_instance.this.allocated_storage == 100 && aws_db_instance.this.max_allocated_storage == 500
    error_message = "The volume has the size that was asked for, and may grow."
  }
  assert {
    condition     = alltrue([for wanted in ["innodb_flush_log_at_trx_commit=1", "sync_binlog=1"] : contains([for parameter in aws_db_parameter_group.this.parameter : "${parameter.name}=${parameter.value}"], wanted)])
    error_message = "A commit is on the disk before it is answered."
  }
}

run "passwords_stay_outside_the_state" {
  assert {
    condition     = aws_db_instance.this.manage_master_user_password && aws_db_instance.this.password == null
    error_message = "RDS makes and keeps the master's password."
  }
  assert {
    condition     = alltrue([for variable in jsondecode(aws_ecs_task_definition.accounts.container_definitions)[0].environment : contains(["HOST", "MASTER_USER"], variable.name)])
    error_message = "The task gets secrets as secrets, not as plain variables."
  }
}

run "each_account_opens_its_own_schema" {
  assert {
    condition     = alltrue([for schema in ["batch", "member", "orders", "store"] : strcontains(local.accounts_script, "GRANT ALL PRIVILEGES ON \\`${schema}\\`.* TO '${schema}'@'%';")]) && length(regexall("GRANT ", local.accounts_script)) == 4
    error_message = "One grant for each account, on the schema of its name."
  }
  assert {
    condition     = length(regexall("REQUIRE SSL", local.accounts_script)) == 8
    error_message = "Accounts connect over TLS only."
  }
}

run "the_shell_puts_the_passwords_in" {
  assert {
    condition     = alltrue([for schema in ["batch", "member", "orders", "store"] : strcontains(local.accounts_script, "CREATE USER IF NOT EXISTS '${schema}'@'%' IDENTIFIED BY '$PASSWORD_${upper(schema)}'")]) && !strcontains(local.accounts_script, "{")
    error_message = "Each account gets the password of its schema."
  }
}

run "least_privilege" {
  assert {
    condition     = alltrue([for statement in jsondecode(aws_iam_role_policy.accounts_execution.policy).Statement : !anytrue([for action in flatten([statement.Action]) : strcontains(action, "*")])])
    error_message = "No wildcard in an action."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.accounts_execution.policy).Statement : statement.Action if contains(flatten([statement.Resource]), "*")] == ["ecr:GetAuthorizationToken"]
    error_message = "Only signing in to the registry has no resource."
  }
}

run "a_small_volume_is_refused" {
  command = plan
  variables {
    storage_gb = 8
  }
  expect_failures = [var.storage_gb]
}

run "short_backups_are_refused" {
  command = plan
  variables {
    backup_retention_days = 1
  }
  expect_failures = [var.backup_retention_days]
}

run "an_innovation_release_is_refused" {
  command = plan
  variables {
    engine_version = "9.1"
  }
  expect_failures = [var.engine_version]
}
