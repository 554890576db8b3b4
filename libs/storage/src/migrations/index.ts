import { CreateRegistry1763683200001 } from './0001-create-registry.js';
import { CreateDeliveries1763683200002 } from './0002-create-deliveries.js';
import { AddAuditAndCredentials1763683200004 } from './0004-add-audit-and-credentials.js';
import { AddHold1763683200010 } from './0010-add-hold.js';
import { AddFilters1763683200011 } from './0011-add-filters.js';
import { AddBatchDelivery1763683200021 } from './0021-add-batch-delivery.js';
import { AddLimits1763683200032 } from './0032-add-limits.js';
import { AddOrdering1763683200033 } from './0033-add-ordering.js';
import { AddConsumerHealth1763683200034 } from './0034-add-consumer-health.js';
import { AddJobs1763683200036 } from './0036-add-jobs.js';
import { AddFailingTold1763683200037 } from './0037-add-failing-told.js';
import { AddDeliveryJob1763683200038 } from './0038-add-delivery-job.js';
import { KeepPlacesOfFanouts1763683200043 } from './0043-keep-places-of-fanouts.js';
import { FindScheduledByChannel1763683200044 } from './0044-find-scheduled-by-channel.js';
import { ReserveHttpCode1763683200045 } from './0045-reserve-http-code.js';
import { AddScheduling1763683200030 } from './0030-add-scheduling.js';
import { AddKeyRates1763683200031 } from './0031-add-key-rates.js';

/** In the order in which they run. */
export const migrations = [
  CreateRegistry1763683200001,
  CreateDeliveries1763683200002,
  AddAuditAndCredentials1763683200004,
  AddFilters1763683200011,
  AddBatchDelivery1763683200021,
  AddHold1763683200010,
  AddOrdering1763683200033,
  AddConsumerHealth1763683200034,
  AddJobs1763683200036,
  AddLimits1763683200032,
  AddScheduling1763683200030,
  AddKeyRates1763683200031,
  AddDeliveryJob1763683200038,
  AddFailingTold1763683200037,
  KeepPlacesOfFanouts1763683200043,
  FindScheduledByChannel1763683200044,
  ReserveHttpCode1763683200045,
];
