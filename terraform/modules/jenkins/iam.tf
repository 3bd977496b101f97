locals {
  roles = toset(["controller", "agent"])

  account = data.aws_caller_identity.this.account_id
  region  = data.aws_region.this.name

  start = {
    controller = [
      { Sid = "Secret", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [var.secret_arns.admin] },
      { Sid = "Unseal", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.kms_key_arn] },
      { Sid = "Image", Effect = "Allow", Action = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = [var.controller_image.repository_arn] },
      # AWS knows no resource for it.
      { Sid = "SignInToRegistry", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
    ]
    agent = [
      { Sid = "Secret", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = [var.secret_arns.agent] },
      { Sid = "Unseal", Effect = "Allow", Action = ["kms:Decrypt"], Resource = [var.kms_key_arn] },
      { Sid = "SignInToRegistry", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
      {
        Sid    = "Push"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages", "ecr:DescribeImageScanFindings",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = var.repository_arns
      },
    ]
  }

  # A rollout: a new task definition with another image, and the service told to use it.
  deploy = [for statement in [
    {
      Sid      = "TellServices"
      Effect   = "Allow"
      Action   = ["ecs:DescribeServices", "ecs:UpdateService"]
      Resource = flatten([for environment in values(var.deploy) : environment.service_arns])
    },
    {
      Sid      = "MakeVersions"
      Effect   = "Allow"
      Action   = ["ecs:RegisterTaskDefinition"]
      Resource = flatten([for environment in values(var.deploy) : [for family in environment.task_families : "arn:aws:ecs:${local.region}:${local.account}:task-definition/${family}:*"]])
    },
    # AWS knows no resource for it. It reads.
    { Sid = "ReadVersions", Effect = "Allow", Action = ["ecs:DescribeTaskDefinition"], Resource = ["*"] },
    {
      Sid       = "PassRoles"
      Effect    = "Allow"
      Action    = ["iam:PassRole"]
      Resource  = flatten([for environment in values(var.deploy) : environment.execution_role_arns])
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    },
  ] : statement if length(var.deploy) > 0]

  policies = {
    controller = jsonencode({ Version = "2012-10-17", Statement = local.start.controller })
    agent      = jsonencode({ Version = "2012-10-17", Statement = concat(local.start.agent, local.deploy) })
  }
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name = "${var.name}-jenkins-${each.key}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_instance_profile" "this" {
  for_each = local.roles

  name = "${var.name}-jenkins-${each.key}"
  role = aws_iam_role.this[each.key].name
}

resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name   = "work"
  role   = aws_iam_role.this[each.key].id
  policy = local.policies[each.key]
}

# Session Manager is the only way to a shell, and to the controller's page.
resource "aws_iam_role_policy_attachment" "session_manager" {
  for_each = local.roles

  role       = aws_iam_role.this[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

# For operators: it opens the controller's page on their own machine, and nothing else. Attach it to the group of those who may.
resource "aws_iam_policy" "operator" {
  name        = "${var.name}-jenkins-operator"
  description = "Reach the page of Jenkins by Session Manager, with a second factor"

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "ForwardThePort"
        Effect = "Allow"
        Action = "ssm:StartSession"
        Resource = [
          aws_instance.controller.arn,
          "arn:aws:ssm:${local.region}::document/AWS-StartPortForwardingSession",
        ]
        Condition = {
          Bool         = { "aws:MultiFactorAuthPresent" = "true" }
          BoolIfExists = { "ssm:SessionDocumentAccessCheck" = "true" }
        }
      },
      {
        Sid      = "EndOwnSessions"
        Effect   = "Allow"
        Action   = ["ssm:ResumeSession", "ssm:TerminateSession"]
        Resource = "arn:aws:ssm:${local.region}:${local.account}:session/$${aws:username}-*"
      },
    ]
  })
}
