import { CreateRegistry1763683200001 } from './0001-create-registry.js';
import { CreateDeliveries1763683200002 } from './0002-create-deliveries.js';

/** In the order in which they run. */
export const migrations = [CreateRegistry1763683200001, CreateDeliveries1763683200002];
