/** Kafka's only name of the cluster as a resource. */
export const CLUSTER_RESOURCE = 'kafka-cluster'

/** What an answer says where nobody asked for rights (KIP-430). */
export const OPERATIONS_NOT_ASKED = -2_147_483_648
