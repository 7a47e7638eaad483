-- The ids of the endpoints that nodes serve. Every node registers its endpoints each half a minute: those that were registered within
-- two minutes of the latest one are served. So the answer holds while no node runs, too.
CREATE OR REPLACE FUNCTION served_webhook_endpoints() RETURNS int[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN ARRAY(
    SELECT e.id FROM webhook_endpoints e
    WHERE NOT e.retired AND e.seen_at >= (SELECT max(l.seen_at) FROM webhook_endpoints l) - interval '2 minutes'
    ORDER BY e.id
  );
END $$
