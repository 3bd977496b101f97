data "aws_region" "this" {}

locals {
  port = 3306
}

resource "aws_security_group" "database" {
  name        = "${var.name}-database"
  description = "MySQL"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-database" }
}

resource "aws_vpc_security_group_ingress_rule" "from_client" {
  for_each = merge(var.client_security_group_ids, { accounts-task = aws_security_group.accounts_task.id })

  security_group_id            = aws_security_group.database.id
  description                  = "MySQL from ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_egress_rule" "client_to_database" {
  for_each = merge(var.client_security_group_ids, { accounts-task = aws_security_group.accounts_task.id })

  security_group_id            = each.value
  description                  = "MySQL"
  referenced_security_group_id = aws_security_group.database.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.data_subnet_ids
}

resource "aws_db_parameter_group" "this" {
  name_prefix = "${var.name}-"
  family      = "mysql8.4"

  dynamic "parameter" {
    for_each = {
      # Nobody connects in clear text, whatever a client asks for.
      require_secure_transport = "1"
      # A commit is on the disk of both zones before it is answered: "a success survives".
      innodb_flush_log_at_trx_commit = "1"
      sync_binlog                    = "1"
      binlog_format                  = "ROW"
      character_set_server           = "utf8mb4"
      collation_server               = "utf8mb4_unicode_ci"
      slow_query_log                 = "1"
      long_query_time                = "1"
      log_output                     = "FILE"
    }

    content {
      name  = parameter.key
      value = parameter.value
    }
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "database" {
  for_each = toset(["error", "slowquery"])

  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = 365
  kms_key_id        = var.kms_key_arn
}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV2_AWS_69:require_secure_transport is set, and a test holds it; checkov does not look into dynamic blocks.
  #checkov:skip=CKV_AWS_161:The services know accounts with passwords; each opens its own schema only.
  identifier     = var.name
  engine         = "mysql"
  engine_version = var.engine_version
  instance_class = var.instance_class
  multi_az       = var.multi_az
  port           = local.port

  storage_type          = "gp3"
  allocated_storage     = var.storage_gb
  max_allocated_storage = var.storage_limit_gb
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn

  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.database.id]
  publicly_accessible    = false
  parameter_group_name   = aws_db_parameter_group.this.name
  ca_cert_identifier     = "rds-ca-rsa2048-g1"

  # RDS makes the password, keeps it in Secrets Manager and changes it by itself. The state has its address only.
  username                      = "admin"
  manage_master_user_password   = true
  master_user_secret_kms_key_id = var.kms_key_arn

  # Times are UTC: 03:30 to 04:30 in Seoul would meet the settlement at 04:00.
  backup_retention_period   = var.backup_retention_days
  backup_window             = "17:00-17:45"
  maintenance_window        = "sun:20:00-sun:21:00"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.name}-last"

  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false

  performance_insights_enabled          = true
  performance_insights_kms_key_id       = var.kms_key_arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 30
  monitoring_role_arn                   = aws_iam_role.monitoring.arn
  enabled_cloudwatch_logs_exports       = keys(aws_cloudwatch_log_group.database)

  tags = { Name = var.name, Backup = "daily" }
}

resource "aws_iam_role" "monitoring" {
  name = "${var.name}-database-monitoring"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}
