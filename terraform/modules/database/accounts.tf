# A schema and an account for each part that has data, made by a task and not by hand: `terraform/bin/database-accounts` starts
# it. It can run again at any time; it then sets the passwords that Secrets Manager has.

locals {
  schemas = sort(keys(var.accounts_task.password_secrets))
  names   = { for schema in local.schemas : schema => "PASSWORD_${upper(schema)}" }
  # As the shell reads them: a dollar before the name.
  variables = { for schema, name in local.names : schema => format("$%s", name) }

  # The shell puts the passwords in; the backslash keeps it from taking a name for a command.
  statements = flatten([
    for schema in local.schemas : [
      "CREATE DATABASE IF NOT EXISTS \\`${schema}\\` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
      "CREATE USER IF NOT EXISTS '${schema}'@'%' IDENTIFIED BY '${local.variables[schema]}' REQUIRE SSL;",
      "ALTER USER '${schema}'@'%' IDENTIFIED BY '${local.variables[schema]}' REQUIRE SSL;",
      "GRANT ALL PRIVILEGES ON \\`${schema}\\`.* TO '${schema}'@'%';",
    ]
  ])

  # The statements reach mysql by its standard input, and its password by the environment, so that no list of processes shows
  # them. Passwords have letters and digits only (`terraform/bin/secrets`): anything else is refused before it is SQL.
  accounts_script = join("\n", flatten([
    "set -eu",
    "for value in ${join(" ", [for variable in values(local.variables) : "\"${variable}\""])}; do",
    "  case \"$value\" in '' | *[!A-Za-z0-9]*) echo 'a password has other characters than letters and digits' >&2; exit 1 ;; esac",
    "done",
    "printf '%s' \"$AUTHORITIES\" > /tmp/authorities.pem",
    "mysql --host=\"$HOST\" --user=\"$MASTER_USER\" --ssl-mode=VERIFY_IDENTITY --ssl-ca=/tmp/authorities.pem <<SQL",
    local.statements,
    "SQL",
    "echo 'schemas and accounts are there: ${join(", ", local.schemas)}'",
  ]))
}

resource "aws_security_group" "accounts_task" {
  #checkov:skip=CKV2_AWS_5:terraform/bin/database-accounts gives it to the task.
  name        = "${var.name}-accounts-task"
  description = "The task that makes schemas and accounts"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-accounts-task" }
}

# The registry, Secrets Manager and CloudWatch have no group that could be named.
resource "aws_vpc_security_group_egress_rule" "accounts_task_https" {
  security_group_id = aws_security_group.accounts_task.id
  description       = "HTTPS to AWS"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_ecs_task_definition" "accounts" {
  family                   = "${var.name}-database-accounts"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.accounts_execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.accounts_task.cpu_architecture
  }

  volume {
    name = "tmp"
  }

  container_definitions = jsonencode([{
    name                   = "accounts"
    image                  = var.accounts_task.image
    essential              = true
    entryPoint             = ["/bin/sh", "-c"]
    command                = [local.accounts_script]
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    mountPoints            = [{ sourceVolume = "tmp", containerPath = "/tmp", readOnly = false }]
    environment = [
      { name = "HOST", value = aws_db_instance.this.address },
      { name = "MASTER_USER", value = aws_db_instance.this.username },
    ]
    secrets = concat(
      [
        { name = "MYSQL_PWD", valueFrom = "${aws_db_instance.this.master_user_secret[0].secret_arn}:password::" },
        { name = "AUTHORITIES", valueFrom = var.accounts_task.authorities },
      ],
      [for schema in local.schemas : { name = local.names[schema], valueFrom = var.accounts_task.password_secrets[schema] }],
    )
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = var.accounts_task.log_group
        awslogs-region        = data.aws_region.this.name
        awslogs-stream-prefix = "database-accounts"
      }
    }
  }])
}

resource "aws_iam_role" "accounts_execution" {
  name = "${var.name}-database-accounts-start"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

# The only role of the shop that can read the master's password.
resource "aws_iam_role_policy" "accounts_execution" {
  name = "start"
  role = aws_iam_role.accounts_execution.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Secrets"
        Effect = "Allow"
        Action = "secretsmanager:GetSecretValue"
        Resource = concat(
          [aws_db_instance.this.master_user_secret[0].secret_arn, var.accounts_task.authorities],
          values(var.accounts_task.password_secrets),
        )
      },
      {
        Sid      = "Unseal"
        Effect   = "Allow"
        Action   = "kms:Decrypt"
        Resource = var.kms_key_arn
      },
      {
        Sid      = "Image"
        Effect   = "Allow"
        Action   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
        Resource = var.accounts_task.image_arn
      },
      {
        # AWS knows no resource for it.
        Sid      = "SignInToRegistry"
        Effect   = "Allow"
        Action   = "ecr:GetAuthorizationToken"
        Resource = "*"
      },
      {
        Sid      = "Log"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${var.accounts_task.log_group_arn}:log-stream:*"
      },
    ]
  })
}
