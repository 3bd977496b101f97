locals {
  balancer     = { LoadBalancer = var.balancer.balancer }
  target_group = { LoadBalancer = var.balancer.balancer, TargetGroup = var.balancer.target_group }
  database     = { DBInstanceIdentifier = var.database.identifier }

  # missing says what silence means: notBreaching where a metric exists only when something happens, breaching where it always
  # exists.
  edge_alarms = {
    no-healthy-gateway = {
      says      = "No gateway is healthy: the shop is away."
      namespace = "AWS/ApplicationELB", metric = "HealthyHostCount", dimensions = local.target_group
      statistic = "Minimum", above = false, threshold = 1, minutes = 1, missing = "breaching"
    }
    a-gateway-is-unhealthy = {
      says      = "A gateway has been unhealthy for five minutes."
      namespace = "AWS/ApplicationELB", metric = "UnHealthyHostCount", dimensions = local.target_group
      statistic = "Maximum", above = true, threshold = 0, minutes = 5, missing = "notBreaching"
    }
    answers-5xx = {
      says      = "Gateways answer 5xx, more than 20 a minute."
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", dimensions = local.balancer
      statistic = "Sum", above = true, threshold = 20, minutes = 3, missing = "notBreaching"
    }
    balancer-5xx = {
      says      = "The balancer itself answers 5xx: it reaches no gateway."
      namespace = "AWS/ApplicationELB", metric = "HTTPCode_ELB_5XX_Count", dimensions = local.balancer
      statistic = "Sum", above = true, threshold = 10, minutes = 2, missing = "notBreaching"
    }
    slow-answers = {
      says      = "One answer in a hundred takes longer than a second."
      namespace = "AWS/ApplicationELB", metric = "TargetResponseTime", dimensions = local.balancer
      statistic = "p99", above = true, threshold = 1, minutes = 5, missing = "notBreaching"
    }
  }

  database_alarms = {
    database-cpu = {
      says      = "The database has worked at more than 80 % for ten minutes."
      namespace = "AWS/RDS", metric = "CPUUtilization", dimensions = local.database
      statistic = "Average", above = true, threshold = 80, minutes = 10, missing = "breaching"
    }
    database-storage = {
      says      = "Less than a fifth of the database's volume is free."
      namespace = "AWS/RDS", metric = "FreeStorageSpace", dimensions = local.database
      statistic = "Minimum", above = false, threshold = var.database.storage_gb * 1024 * 1024 * 1024 / 5, minutes = 5, missing = "breaching"
    }
    database-memory = {
      says      = "The database has less than 256 MB of memory left."
      namespace = "AWS/RDS", metric = "FreeableMemory", dimensions = local.database
      statistic = "Minimum", above = false, threshold = 256 * 1024 * 1024, minutes = 10, missing = "breaching"
    }
    database-connections = {
      says      = "More than four fifths of the database's connections are taken."
      namespace = "AWS/RDS", metric = "DatabaseConnections", dimensions = local.database
      statistic = "Maximum", above = true, threshold = var.database.connections * 0.8, minutes = 5, missing = "breaching"
    }
  }

  cache_alarms = merge([
    for node in var.cache_nodes : {
      "${node}-memory" = {
        says      = "A node of the cache is filled to more than 80 %; at 100 % carts are refused."
        namespace = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", dimensions = { CacheClusterId = node }
        statistic = "Maximum", above = true, threshold = 80, minutes = 5, missing = "breaching"
      }
      "${node}-cpu" = {
        says      = "A node of the cache works at more than 80 %."
        namespace = "AWS/ElastiCache", metric = "EngineCPUUtilization", dimensions = { CacheClusterId = node }
        statistic = "Average", above = true, threshold = 80, minutes = 10, missing = "breaching"
      }
    }
  ]...)

  service_alarms = merge([
    for service, least in var.services : {
      "${service}-tasks" = {
        says      = "${service} has fewer tasks than it should."
        namespace = "ECS/ContainerInsights", metric = "RunningTaskCount", dimensions = { ClusterName = var.cluster_name, ServiceName = service }
        statistic = "Minimum", above = false, threshold = least, minutes = 5, missing = "breaching"
      }
      "${service}-memory" = {
        says      = "A task of ${service} uses more than 85 % of its memory; at 100 % it is killed."
        namespace = "AWS/ECS", metric = "MemoryUtilization", dimensions = { ClusterName = var.cluster_name, ServiceName = service }
        statistic = "Maximum", above = true, threshold = 85, minutes = 5, missing = "notBreaching"
      }
      "${service}-errors" = {
        says      = "${service} has logged errors."
        namespace = "Dalkom/${var.name}", metric = "errors-${service}", dimensions = {}
        statistic = "Sum", above = true, threshold = 0, minutes = 1, missing = "notBreaching"
      }
    }
  ]...)

  machine_alarms = {
    for machine, id in var.instance_ids : "${machine}-machine" => {
      says      = "The machine ${machine} fails its checks."
      namespace = "AWS/EC2", metric = "StatusCheckFailed", dimensions = { InstanceId = id }
      statistic = "Maximum", above = true, threshold = 0, minutes = 3, missing = "breaching"
    }
  }

  alarms = merge(local.edge_alarms, local.database_alarms, local.cache_alarms, local.service_alarms, local.machine_alarms)
}
