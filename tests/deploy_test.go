package tests_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCompose_NamesNoSecretAndAsksForEach runs docker-compose.yml through Compose itself, in a folder with no .env.
func TestCompose_NamesNoSecretAndAsksForEach(t *testing.T) {
	dir, settings := composeFolder(t)
	file, err := os.ReadFile(filepath.Join(dir, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := compose(t, dir, settings)
	if err != nil {
		t.Fatalf("with what deploy/make-env prints: %v: %s", err, resolved)
	}
	for _, service := range []string{"nginx", "portal-1", "portal-2", "shop-1", "shop-2", "forum-1", "forum-2",
		"analytics-1", "academy-1", "migrate", "postgres", "redis"} {
		if !strings.Contains(resolved, "\n  "+service+":\n") {
			t.Errorf("there is no service %s", service)
		}
	}
	for i, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		if value == "false" {
			continue
		}
		if strings.Contains(string(file), name+":-") {
			t.Errorf("%s has a value of its own in the file", name)
		}
		without := append(append([]string{}, settings[:i]...), settings[i+1:]...)
		if said, err := compose(t, dir, without); err == nil {
			t.Errorf("without %s Compose is content", name)
		} else if !strings.Contains(said, "deploy/make-env") {
			t.Errorf("without %s it does not say where to get one: %s", name, said)
		}
	}
}

// Each service gives up what it does not need.
func TestCompose_ServicesAreLocked(t *testing.T) {
	dir, settings := composeFolder(t)
	resolved, err := compose(t, dir, settings)
	if err != nil {
		t.Fatalf("%v: %s", err, resolved)
	}
	resolved = "\n" + resolved
	services, _, _ := strings.Cut(resolved[strings.Index(resolved, "\nservices:\n")+len("\nservices:\n"):], "\nvolumes:")
	each := regexp.MustCompile(`(?m)^  [a-z0-9-]+:$`).FindAllStringIndex(services, -1)
	if len(each) < 12 {
		t.Fatalf("%d services in: %s", len(each), services)
	}
	for i, at := range each {
		end := len(services)
		if i+1 < len(each) {
			end = each[i+1][0]
		}
		text := services[at[0]:end]
		for _, want := range []string{"read_only: true", "cap_drop:\n    - ALL", "no-new-privileges:true"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", strings.TrimSpace(services[at[0]:at[1]]), want)
			}
		}
	}
}

// composeFolder holds docker-compose.yml and nothing else; the settings are what deploy/make-env prints.
func composeFolder(t *testing.T) (dir string, settings []string) {
	t.Helper()
	dir = t.TempDir()
	file, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "docker-compose.yml"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("../deploy/make-env").Output()
	if err != nil {
		t.Fatalf("deploy/make-env: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			settings = append(settings, line)
		}
	}
	return dir, settings
}

// compose runs `config` of either generation of Compose in dir, with nothing but settings in its environment.
func compose(t *testing.T, dir string, settings []string) (string, error) {
	t.Helper()
	config := exec.Command("docker-compose", "config")
	if _, err := exec.LookPath("docker-compose"); err != nil {
		if exec.Command("docker", "compose", "version").Run() != nil {
			t.Fatal("this test needs Docker Compose (no engine): apt-get install docker-compose, or brew install docker-compose")
		}
		config = exec.Command("docker", "compose", "config")
	}
	config.Dir = dir
	config.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, settings...)
	out, err := config.CombinedOutput()
	return string(out), err
}
