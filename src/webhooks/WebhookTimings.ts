import { Context, Duration } from "effect"

/** The times of webhook deliveries. A test makes them short. */
export const WebhookTimings = Context.Reference("minichat/webhooks/WebhookTimings", {
  defaultValue: () => ({
    /** How often a node that is idle looks for events of other nodes. */
    poll: Duration.millis(250),
    /** How long an attempt may take, from the connection to the head of the answer. */
    attempt: Duration.seconds(15),
    /**
     * How long an event is leased for an attempt, by the database's clock. An attempt must start within a third of it, so that none
     * is under way when another node takes the event over, as after a node was paused.
     */
    lease: Duration.seconds(60),
    /** The wait before the second attempt; each later one is twice the wait before, up to the longest. */
    firstRetry: Duration.seconds(5),
    longestRetry: Duration.minutes(10),
    /** How long a `Retry-After` of the receiver is obeyed at the most. */
    longestRetryAfter: Duration.hours(1),
    /** How often the lag and the dead letters are read for the metrics. */
    measure: Duration.seconds(10),
    /** How often what is no longer kept is deleted. */
    prune: Duration.minutes(10)
  })
})
