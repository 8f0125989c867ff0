//! Attempts to reach the keys of the user who starts the lab.

use std::process::Command;

/// Joins a new session keyring, adds a key, and runs a lab with it. In perl, since that can make the raw system calls.
const WITH_A_KEY: &str = r#"
use strict;
my ($keyctl, $add_key) = @ARGV[0, 1];
syscall($keyctl, 1, 0) > 0 or die "no keyring: $!";
my ($type, $name, $secret) = ("user", "podscope-secret", "hush");
my $key = syscall($add_key, $type, $name, $secret, length $secret, -3);
$key > 0 or die "no key: $!";
$ENV{KEY} = $key;
exec @ARGV[2 .. $#ARGV] or die;
"#;

/// Runs in the container: looks for the key by its name and by its number, and tries to change it.
const STEAL: &str = r#"
my ($keyctl, $request, $key) = @ARGV;
my ($type, $name, $buffer, $new) = ("user", "podscope-secret", "x" x 100, "changed");
my $found = syscall($request, $type, $name, 0, 0);
print "FOUND\n" if $found > 0;
my $n = syscall($keyctl, 11, $key + 0, $buffer, 100);
print "READ ", substr($buffer, 0, $n), "\n" if $n > 0;
print "CHANGED\n" if syscall($keyctl, 2, $key + 0, $new, length $new) >= 0;
print "LISTED\n" if `cat /proc/keys` =~ /podscope-secret/;
print "tried\n";
"#;

#[test]
fn a_pod_cannot_find_a_key_of_the_user() {
    let (keyctl, add_key, request) = if cfg!(target_arch = "x86_64") { (250, 248, 249) } else { (219, 217, 218) };
    let dir = tempfile::tempdir().expect("a directory");
    let (manifest, script) = (dir.path().join("pod.yaml"), dir.path().join("steal.script"));
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata: {name: thief}\nspec:\n  containers:\n  - name: a\n    image: busybox\n    \
                command: [sh, -c, 'sleep 1000']\n    env:\n";
    // the manifest is written by the shell because the key's number is known only when the key exists
    let start = format!(
        "cat > {m} <<EOF\n{yaml}    - {{name: KEY, value: \"$KEY\"}}\nEOF\nexec {exe} run {m} --script {s}",
        m = manifest.display(),
        s = script.display(),
        exe = env!("CARGO_BIN_EXE_podscope"),
    );
    let steal = STEAL.replace('\n', " ");
    std::fs::write(
        &script,
        format!(
            "wait ready\nexec thief/a -- sh -c 'exec perl -e \"$0\" {keyctl} {request} $KEY' '{steal}'\nexpect output tried\n"
        ),
    )
    .expect("written");
    let run = |mode: &str| {
        Command::new("perl")
            .args(["-e", WITH_A_KEY, &keyctl.to_string(), &add_key.to_string(), "sh", "-c", mode])
            .output()
            .expect("perl runs")
    };
    // check the test itself: a process that inherits the keyring can read the key
    let inherits = run(&format!("exec perl -e '{}' {keyctl} {request} $KEY", STEAL.replace('\'', "")));
    let has = String::from_utf8_lossy(&inherits.stdout).into_owned();
    assert!(has.contains("FOUND") && has.contains("READ hush"), "{inherits:?}");
    let out = run(&start);
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}");
    for word in ["FOUND", "READ", "CHANGED", "LISTED"] {
        assert!(!said.lines().any(|line| line.trim_start().starts_with(word)), "{said}");
    }
}
