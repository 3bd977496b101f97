mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = {
      arn = "arn:aws:iam::123456789012:role/mock"
    }
  }
}

variables {
  name           = "dalkom-test"
  retention_days = 35
  locked         = true
  kms_key_arn    = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
  topic_arn      = "arn:aws:sns:ap-northeast-2:123456789012:mock"
}

run "daily_encrypted_and_kept" {
  assert {
    condition     = aws_backup_vault.this.kms_key_arn == var.kms_key_arn
    error_message = "Backups are encrypted by the environment's key."
  }
  assert {
    condition     = alltrue([for rule in aws_backup_plan.this.rule : rule.schedule == "cron(30 17 * * ? *)" && rule.lifecycle[0].delete_after == 35])
    error_message = "Each day has a backup, which is kept as long as was asked."
  }
  assert {
    condition     = length(aws_backup_vault_lock_configuration.this) == 1 && aws_backup_vault_lock_configuration.this[0].min_retention_days == 35
    error_message = "Nobody can remove a backup before its time."
  }
  assert {
    condition     = contains(flatten([for condition in aws_backup_selection.tagged.condition : [for equal in condition.string_equals : "${equal.key}=${equal.value}"]]), "aws:ResourceTag/Backup=daily")
    error_message = "What has the tag is saved."
  }
}

run "a_short_retention_is_refused" {
  command = plan
  variables {
    retention_days = 1
  }
  expect_failures = [var.retention_days]
}
