/** Imported first by every tool, so that an old Node says what it needs instead of failing on something newer. */
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Posthorn needs Node.js 20.19 or newer; this is ${process.version} (${process.execPath}).`);
  console.error('Get a current one from https://nodejs.org/ or with your version manager, for example: nvm install 24');
  process.exit(1);
}
