output "open_page" {
  description = "The command that opens the page at http://127.0.0.1:8081."
  value       = "aws ssm start-session --target ${aws_instance.controller.id} --document-name AWS-StartPortForwardingSession --parameters portNumber=${local.http_port},localPortNumber=8081"
}

output "operator_policy_arn" {
  description = "The policy for those who may open the page."
  value       = aws_iam_policy.operator.arn
}

output "instance_ids" {
  description = "Controller and agents."
  value       = merge({ controller = aws_instance.controller.id }, { for name, agent in aws_instance.agent : "agent-${name}" => agent.id })
}
