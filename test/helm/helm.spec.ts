import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { chart, get, isMap, listAt, scenarios, textAt } from './chart.js';

const helm = (...args: readonly string[]) => spawnSync('helm', args, { encoding: 'utf8', maxBuffer: 1 << 26 });
/** Builds of helm without release flags claim to speak to an old Kubernetes. */
const KUBERNETES = ['--kube-version', '1.31.0'];

const hasHelm = helm('version').status === 0;
const withHelm = hasHelm ? describe : describe.skip;

const render = (scenario: string, ...more: readonly string[]): unknown[] => {
  const run = helm('template', 'posthorn', chart, '--namespace', 'hooks', ...KUBERNETES, '--values', join(chart, 'ci', scenario), ...more);
  if (run.status !== 0) throw new Error(run.stderr);
  return loadAll(run.stdout).filter(isMap);
};
const nameOf = (manifest: unknown): string => textAt(manifest, 'metadata', 'name');
const ofKind = (manifests: readonly unknown[], ...kinds: readonly string[]) =>
  manifests.filter((manifest) => kinds.includes(textAt(manifest, 'kind')));
const podSpec = (manifest: unknown): unknown => get(manifest, 'spec', 'template', 'spec') ?? get(manifest, 'spec');
const containerOf = (manifest: unknown): unknown => listAt(podSpec(manifest), 'containers')[0];
const checksums = (...more: readonly string[]) =>
  ofKind(render('default-values.yaml', ...more), 'Deployment').map((manifest) =>
    textAt(manifest, 'spec', 'template', 'metadata', 'annotations', 'checksum/config'),
  );

withHelm(`what helm renders${hasHelm ? '' : ' (skipped: there is no helm on the PATH)'}`, () => {
  it.each(scenarios)('passes lint --strict with ci/%s', (scenario) => {
    const run = helm('lint', '--strict', ...KUBERNETES, '--values', join(chart, 'ci', scenario), chart);
    expect(`${run.stdout}${run.stderr}`).toContain('0 chart(s) failed');
  });

  it.each(scenarios)('runs nothing as root or on a writable root file system with ci/%s', (scenario) => {
    const manifests = ofKind(render(scenario), 'Deployment', 'Job', 'Pod');
    expect(manifests).toHaveLength(5);
    for (const manifest of manifests) {
      expect(podSpec(manifest)).toMatchObject({
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      expect(containerOf(manifest)).toMatchObject({
        securityContext: { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      });
    }
  });

  it('gives a process 10 s more than its shutdown timeout, after the pause of ingest', () => {
    const grace = ofKind(render('high-availability-values.yaml'), 'Deployment').map((manifest) => [
      textAt(containerOf(manifest), 'name'),
      get(podSpec(manifest), 'terminationGracePeriodSeconds'),
    ]);
    expect(Object.fromEntries(grace)).toEqual({ ingest: 41 + 10 + 15, dispatcher: 41 + 10, scheduler: 41 + 10 });
  });

  it('writes large numbers out', () => {
    const config = ofKind(render('everything-values.yaml'), 'ConfigMap').find((manifest) => nameOf(manifest) === 'webhooks-ingest');
    expect(get(config, 'data')).toMatchObject({
      MAX_BODY_BYTES: '2097152',
      ACCEPT_QUEUE_BYTES: '134217728',
      ALLOW_HTTP_TARGETS: 'false',
    });
  });

  it('makes new pods when a setting changes, and only those that read it', () => {
    const before = checksums();
    const after = checksums('--set', 'dispatcher.config.MAX_IN_FLIGHT=300');
    expect(after.filter((checksum) => !before.includes(checksum))).toHaveLength(1);
  });

  it('tells every dispatcher and ingest pod its own address, and the port that the network policy opens', () => {
    const manifests = render('everything-values.yaml');
    const address = { name: 'NUDGE_HOST', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } };
    for (const name of ['webhooks-ingest', 'webhooks-dispatcher']) {
      const deployment = ofKind(manifests, 'Deployment').find((manifest) => nameOf(manifest) === name);
      expect(listAt(containerOf(deployment), 'env')).toContainEqual(address);
      expect(listAt(containerOf(deployment), 'ports')).toContainEqual(expect.objectContaining({ name: 'nudge', containerPort: 9191 }));
      const policy = ofKind(manifests, 'NetworkPolicy').find((manifest) => nameOf(manifest) === name);
      expect(listAt(policy, 'spec', 'egress')).toContainEqual(expect.objectContaining({ ports: [{ port: 9191, protocol: 'UDP' }] }));
      expect(listAt(policy, 'spec', 'ingress')).toContainEqual(expect.objectContaining({ ports: [{ port: 'nudge', protocol: 'UDP' }] }));
    }
  });

  it('migrates with nothing that the release makes later', () => {
    const manifests = render('trial-values.yaml', '--set', 'networkPolicy.enabled=true');
    const hooks = manifests.filter((manifest) => textAt(manifest, 'metadata', 'annotations', 'helm.sh/hook').startsWith('pre-install'));
    const names = (kind: string) => ofKind(hooks, kind).map(nameOf);
    const [job] = ofKind(hooks, 'Job');
    expect(names('ServiceAccount')).toEqual([textAt(podSpec(job), 'serviceAccountName')]);
    expect(names('NetworkPolicy')).toEqual(['posthorn-migration']);
    expect(get(containerOf(job), 'envFrom')).toBeUndefined();
    const secrets = listAt(containerOf(job), 'env').map((variable) => textAt(variable, 'valueFrom', 'secretKeyRef', 'name'));
    expect(secrets).toEqual(names('Secret'));
  });

  it('refuses to render without a Secret', () => {
    const run = helm('template', 'posthorn', chart, ...KUBERNETES);
    expect(run.status).not.toBe(0);
    expect(run.stderr).toContain('set secret.existingSecret');
  });

  it('refuses values that the schema refuses', () => {
    expect(() => render('default-values.yaml', '--set', 'ingest.replica=3')).toThrow(/replica/);
  });
});
