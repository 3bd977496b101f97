mock_provider "aws" {}

variables {
  name       = "dalkom-test"
  account_id = "123456789012"
  region     = "ap-northeast-2"
}

run "it_rotates_and_belongs_to_the_account" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days >= 30
    error_message = "The key rotates, and its removal can be called back for a month."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal != "*" && try(statement.Principal.AWS, "") != "*"])
    error_message = "Nobody outside the account may use the key."
  }
  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Sid if anytrue([for action in flatten([statement.Action]) : strcontains(action, "*")])] == ["Account"]
    error_message = "Only the account itself has all actions; its roles' policies say who may what."
  }
}
