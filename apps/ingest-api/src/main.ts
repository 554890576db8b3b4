import { hello } from '@app/domain';
process.stdout.write(hello());
