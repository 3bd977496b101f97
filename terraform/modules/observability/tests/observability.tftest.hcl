mock_provider "aws" {
  mock_resource "aws_sns_topic" {
    defaults = {
      arn = "arn:aws:sns:ap-northeast-2:123456789012:mock"
    }
  }
}

variables {
  name               = "dalkom-test"
  account_id         = "123456789012"
  email              = "operators@dalkom.example"
  monthly_budget_usd = 700
  balancer           = { balancer = "app/mock/1", target_group = "targetgroup/mock/1" }
  cluster_name       = "dalkom-test"
  services           = { gateway = 2, member-api = 2 }
  log_group_names    = { gateway = "/g", member-api = "/m" }
  database           = { identifier = "dalkom-test", storage_gb = 100, connections = 600 }
  cache_nodes        = ["dalkom-test-001"]
  instance_ids       = { consul-1 = "i-1" }
  kms_key_arn        = "arn:aws:kms:ap-northeast-2:123456789012:key/mock"
}

run "somebody_is_told" {
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : contains(alarm.alarm_actions, aws_sns_topic.alarms.arn)])
    error_message = "Each alarm tells somebody."
  }
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == var.kms_key_arn
    error_message = "Messages are encrypted."
  }
  assert {
    condition     = alltrue([for wanted in ["no-healthy-gateway", "answers-5xx", "slow-answers", "database-storage", "database-cpu", "dalkom-test-001-memory", "gateway-tasks", "member-api-errors", "consul-1-machine"] : contains(keys(aws_cloudwatch_metric_alarm.this), wanted)])
    error_message = "The edge, the database, the cache, each service and Consul have alarms."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["no-healthy-gateway"].treat_missing_data == "breaching"
    error_message = "Silence of what should always speak is an alarm."
  }
  assert {
    condition     = jsondecode(aws_sns_topic_policy.alarms.policy).Statement[0].Condition.StringEquals["aws:SourceAccount"] == var.account_id
    error_message = "Only this account's services write to the topic."
  }
}

run "a_budget" {
  assert {
    condition     = aws_budgets_budget.monthly.limit_amount == "700" && length(aws_budgets_budget.monthly.notification) == 2
    error_message = "Somebody is told before a month costs more than it may."
  }
}

run "the_budget_counts_this_environment" {
  assert {
    condition     = contains(flatten([for filter in aws_budgets_budget.monthly.cost_filter : filter.values]), join("$", ["user:Environment", var.name]))
    error_message = "The budget counts what has this environment's tag."
  }
}

run "no_budget_is_refused" {
  command = plan
  variables {
    monthly_budget_usd = 0
  }
  expect_failures = [var.monthly_budget_usd]
}
