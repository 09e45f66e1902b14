"""What tests of an app stand on: virtual time, simulated runs, a seeded scheduler, probes. Public as :mod:`actors.testing`."""
