# One server, which is its own leader. It leaves in order when it is told to stop, and does not wait for others.
connect { enabled = false }
disable_update_check = true
leave_on_terminate = true
performance {
  raft_multiplier  = 1
  leave_drain_time = "0s"
}
telemetry { disable_hostname = true }
